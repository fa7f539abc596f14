#!/bin/sh
# A child with bad habits, for the fault tests.
#
# usage: fake_child.sh HABIT
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
# Fails or stays, as the first line of the input says.
as-told) IFS= read -r line; case $line in fail) exit 3 ;; stay) exec sleep 100000 ;; esac ;;
# The grandchild keeps all three pipes.
grandchild-stays) sleep 100000 & exit 3 ;;
*) echo "fake_child.sh: no such habit: $1" >&2; exit 99 ;;
esac
