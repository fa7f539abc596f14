//! Commands in a small world: `bin` is the search path, `cwd` the current folder, `ship` holds the files
//! that the job ships.

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;

struct World {
    dir: tempfile::TempDir,
    shipped: Vec<(String, PathBuf)>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let world = Self { dir, shipped: Vec::new() };
        for (file, mode, content) in [
            ("bin/tool", 0o755, "\x7fELF..."),
            ("bin/env", 0o755, "\x7fELF..."),
            ("bin/python3", 0o755, "\x7fELF..."),
            ("bin/data", 0o644, "x"),
            ("cwd/local.sh", 0o644, "#!/bin/sh\n"),
            ("cwd/plain.sh", 0o644, "cat\n"),
            ("cwd/m.py", 0o755, "import sys\n"),
            ("cwd/sub/mapper.py", 0o755, "import sys\n"),
        ] {
            world.write(file, mode, content);
        }
        fs::create_dir(world.path("cwd/folder")).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, mode: u32, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Ships a file under its own name; `@` in its content stands for the world's folder.
    fn ship(&mut self, name: &str, content: &str) {
        let file = format!("ship/{name}");
        self.write(&file, 0o644, &content.replace('@', &self.dir.path().display().to_string()));
        let first = name.split('/').next().unwrap();
        self.shipped.push((first.to_owned(), self.path("ship").join(first)));
    }

    /// `Ok`, or the message with the world's folder as `@`.
    fn verdict(&self, command: &[&str]) -> Result<(), String> {
        let here = self.dir.path().display().to_string();
        let command: Vec<String> = command.iter().map(|word| word.replace('@', &here)).collect();
        check(&command, &self.shipped, self.path("bin").as_os_str(), &self.path("cwd"))
            .map_err(|error| error.to_string().replace(&here, "@"))
    }

    /// Checks one command: `""` for what can start, or else pieces of the message, separated by `…`.
    fn check(&self, command: &[&str], said: &str) {
        match self.verdict(command) {
            Ok(()) => assert_eq!(said, "", "{command:?}"),
            Err(message) => {
                assert!(!said.is_empty(), "{command:?}: {message}");
                for piece in said.split('…') {
                    assert!(message.contains(piece), "{command:?}: {message:?} lacks {piece:?}");
                }
            }
        }
    }
}

#[test]
fn programs_are_found_or_named() {
    let mut world = World::new();
    world.ship("mine.sh", "cat\n");
    world.ship("pack.zip", "PK");
    world.ship("lib/inner.sh", "cat\n");
    world.ship("tool/x", "a folder that hides no program");
    for (command, said) in [
        (&["tool", "no-such-file"][..], ""),
        (&["@/bin/tool"], ""),
        (&["mine.sh"], ""),
        (&["./mine.sh"], ""),
        (&["lib/inner.sh"], ""),
        (&["pack.zip/run.sh"], ""),
        (&[], "empty command"),
        (&["no-such"], "no-such: it is neither…-files no-such"),
        (&["./no such"], "./no such…-files 'no such'"),
        (&["@/no/such"], "@/no/such: no such file"),
        (&["lib/gone.sh"], "lib/gone.sh: it is neither"),
        (&["folder"], "@/cwd/folder is a folder"),
        (&["lib"], "@/ship/lib is a folder"),
        (&["@/bin"], "@/bin is a folder"),
        (&["data"], "@/bin/data is not executable…chmod +x @/bin/data"),
        (&["@/bin/data"], "chmod +x @/bin/data"),
    ] {
        world.check(command, said);
    }
}

#[test]
fn a_script_of_a_job_that_ships_nothing_needs_its_run_bit() {
    let mut world = World::new();
    world.check(
        &["local.sh"],
        "cannot run local.sh: local.sh is not executable; to mend it: chmod +x local.sh",
    );
    world.check(&["./local.sh"], "chmod +x ./local.sh");
    // The shell reads it.
    world.check(&["plain.sh"], "");
    world.ship("other", "x");
    world.check(&["local.sh"], "");
}

#[test]
fn a_script_without_a_first_line_needs_its_interpreter() {
    let world = World::new();
    world.check(
        &["m.py"],
        "cannot run m.py: it has no #! line, so the shell would run it: write python3 m.py",
    );
    world.check(&["@/cwd/m.py"], "write python3 @/cwd/m.py");
    world.check(&["python3", "m.py"], "");
}

#[test]
fn a_misspelt_script_has_its_nearest_name() {
    let mut world = World::new();
    world.check(&["locl.sh"], "-files locl.sh; did you mean local.sh?");
    world.check(
        &["python3", "sub/maper.py"],
        "there is no file sub/maper.py here; did you mean sub/mapper.py?",
    );
    world.check(
        &["python3", "-u", "gone.py"],
        "there is no file gone.py here; if it is elsewhere, ship it with",
    );
    world.check(&["python3", "-c", "gone.py"], "");
    world.ship("pack/x", "x");
    world.check(&["python3", "gone.py"], "");
}

#[test]
fn an_environment_that_no_program_can_have_is_refused() {
    let check = |variables: &[(&str, usize)], said: &str| {
        let variables: Vec<_> =
            variables.iter().map(|(name, length)| ((*name).into(), "x".repeat(*length).into())).collect();
        let error = check_environment(&["cat".to_owned()], &variables).err();
        let text = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains(said) && text.is_empty() == said.is_empty(), "{text}");
    };
    check(&[("A", 1000), ("B", 2)], "");
    if cfg!(target_arch = "x86_64") {
        check(&[("A", VARIABLE_BYTES_MAX as usize - 2)], "");
        let one = "cannot start cat: its environment is too large: mapreduce_input_fileinputformat_inputdir has 140041";
        check(&[("A", 1), ("mapreduce_input_fileinputformat_inputdir", 140_000)], one);
    }
    let many = vec![("A", 100_000); 100];
    check(&many, "A has 100002 of 10001112 bytes, and the system takes ");
}

#[test]
fn the_first_line_of_a_script_must_name_a_program() {
    let mut world = World::new();
    for (name, content, said) in [
        ("good.sh", "#!/bin/sh\n", ""),
        ("blanks.sh", "#! \t/bin/sh  -e \n", ""),
        ("good.py", "#!@/bin/env python3\n", ""),
        ("split.py", "#!@/bin/env -S python3 -u\n", ""),
        ("options.py", "#!@/bin/env -i no-such\n", ""),
        ("plain", "cat\n", ""),
        ("plain.py", "import sys\n", "write python3 plain.py"),
        ("bare", "#!\ncat\n", ""),
        ("own.sh", "#!./good.sh\n", ""),
        ("empty.sh", "", "@/ship/empty.sh is empty"),
        (
            "crlf.sh",
            "#!/bin/sh\r\ncat\r\n",
            "an interpreter named /bin/sh\\r;…sed -i 's/\\r$//' @/ship/crlf.sh",
        ),
        ("crlf.py", "#!@/bin/env python3\r\n", "an interpreter named python3\\r;…sed -i"),
        ("perl-w", "#!/bin/sh -w\r\n", ""),
        ("gone.sh", "#!/no/such -x\n", "is #!/no/such -x but there is no program /no/such"),
        ("gone.py", "#!@/bin/env python9\n", "no program python9"),
        ("noenv.py", "#!@/no/env python3\n", "no program @/no/env"),
        (
            "joined.py",
            "#!@/bin/env python3 -u\n",
            "no program python3 -u; to give it arguments: #!@/bin/env -S python3 -u",
        ),
        ("data.sh", "#!@/bin/data\n", "no program @/bin/data"),
    ] {
        world.ship(name, content);
        world.check(&[name, "argument"], said);
    }
}

#[test]
fn text_without_a_first_line_for_the_kernel_needs_a_shell() {
    let world = World::new();
    for (content, shell) in [
        ("cat\n", true),
        ("", true),
        ("#!\ncat\n", true),
        (" #!/bin/sh\n", true),
        ("#!/bin/sh\n", false),
        ("#!/bin/sh\r\n", false),
        ("\x7fELF\x02", false),
    ] {
        world.write("file", 0o755, content);
        assert_eq!(needs_shell(&world.path("file")), shell, "{content:?}");
    }
    assert!(!needs_shell(&world.path("missing")));
    assert!(!needs_shell(&world.path("bin")));
}
