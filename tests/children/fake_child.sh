#!/bin/sh
# A child with bad habits, for the fault tests.
#
# usage: fake_child.sh HABIT
tell() { echo $$ >"$HERE/ready"; }
wait_here() { tell; exec 3<"$HERE/go"; }
case $1 in
exit-3) cat >/dev/null; echo 'last words' >&2; exit 3 ;;
exit-3-mid-record) printf 'half a rec'; exit 3 ;;
killed) kill -9 $$ ;;
segfault) kill -s SEGV $$ ;;
never-read) exit 0 ;;
close-early) IFS= read -r line; printf '%s\n' "$line"; exec <&- ; exit 0 ;;
# More than a pipe holds, on each pipe, before the first byte is read: a deadlock if anybody waits.
flood-stderr) awk 'BEGIN { for (i = 0; i < 20000; i++) print "noise " i }' >&2; exec cat ;;
flood-stdout) awk 'BEGIN { for (i = 0; i < 20000; i++) print "noise\t" i }'; exec cat ;;
no-final-newline) printf 'a\tb\nc\td'; exec cat >/dev/null ;;
many-last-words) awk 'BEGIN { for (i = 1; i <= 30; i++) print "last words " i }' >&2; exit 4 ;;
# Those that stay tell their number on the FIFO ready in the folder HERE and wait for somebody at the FIFO go.
stay) wait_here ;;
stay-closed) exec <&- >&- 2>&-; wait_here ;;
stay-deaf) trap '' HUP INT QUIT TERM; wait_here ;;
stay-stopped) (tell; kill -STOP $$); wait_here ;;
stay-family) for child in 1 2 3; do (sleep 100000 & wait) & done; wait_here ;;
# In the group, but without any mark, and without the parent that started it.
stay-nameless) (env -i "PATH=$PATH" sleep 100000 <&- >&- 2>&- &); wait_here ;;
# Its name, cut to fifteen bytes, ends in half a letter.
stay-renamed) cp "$(command -v sleep)" "$HERE/обработка"; "$HERE/обработка" 100000 <&- >&- 2>&- &
    until ! kill -0 $! || readlink "/proc/$!/exe" | grep -q обработка; do :; done; wait_here ;;
# What leaves the group: as a job of a shell that controls jobs, in a session of its own, without any mark.
stay-job) set -m; sleep 100000 & wait_here ;;
stay-daemon) setsid sleep 100000 & wait_here ;;
stay-daemon-closed) setsid sleep 100000 <&- >&- 2>&- & wait_here ;;
stay-unmarked) env -i "PATH=$PATH" setsid sleep 100000 <&- >&- 2>&- & wait_here ;;
# Goes to the group of mr-stream itself.
stay-elsewhere) exec perl -e 'setpgrp(0, getpgrp(getppid()));
    open(R, ">", "$ENV{HERE}/ready"); print R "$$\n"; close R; open(G, "<", "$ENV{HERE}/go")' ;;
daemon-fails) setsid sleep 100000 & exit 3 ;;
daemon-stays) setsid sleep 100000 <&- >&- 2>&- & exec cat ;;
daemon-hears) setsid sleep 100000 <&0 >&- & exec cat ;;
family-stays) sleep 100000 <&- >&- & exec cat ;;
close-stdout) exec >&-; exec cat >/dev/null ;;
close-all) exec <&- >&- 2>&- ; exit 0 ;;
# No line end at all, on either pipe.
one-line-stderr) head -c 500000000 /dev/zero >&2; exec cat ;;
one-line-stdout) head -c 100000000 /dev/zero | tr '\0' x; exec cat >/dev/null ;;
many-lines-stderr) yes 'so much to say' | head -c 20000000 >&2; exec cat ;;
half-read) head -c "$2"; exit 0 ;;
# Fails or stays, as the first line of the input says.
as-told) IFS= read -r line; case $line in fail) exit 3 ;; stay) exec sleep 100000 ;; esac ;;
# The grandchild keeps all three pipes.
grandchild-stays) sleep 100000 & exit 3 ;;
*) echo "fake_child.sh: no such habit: $1" >&2; exit 99 ;;
esac
