//! Files and folders: the part of `std::fs` that the engine uses, by the same names and with the same meaning.
//!
//! It is `std::fs` itself, but in a build with debug assertions each call passes a [point](crate::fault) first,
//! so that a test can make it fail. Code of the engine therefore imports from here (`tests/tidy.rs` sees to it).

#[cfg(not(debug_assertions))]
pub(crate) use std::fs::*;

#[cfg(debug_assertions)]
pub(crate) use watched::*;

#[cfg(debug_assertions)]
mod watched {
    use crate::fault::{Op, point, write_point};
    use std::io::{self, Read, Seek, SeekFrom, Write};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
    use std::path::{Path, PathBuf};

    pub(crate) use std::fs::{FileType, Metadata, Permissions, ReadDir};

    /// A file whose calls pass a point.
    #[derive(Debug)]
    pub(crate) struct File {
        file: std::fs::File,
        path: PathBuf,
    }

    impl File {
        pub(crate) fn open(path: impl AsRef<Path>) -> io::Result<Self> {
            OpenOptions::new().read(true).open(path)
        }

        pub(crate) fn create(path: impl AsRef<Path>) -> io::Result<Self> {
            OpenOptions::new().write(true).create(true).truncate(true).open(path)
        }

        pub(crate) fn create_new(path: impl AsRef<Path>) -> io::Result<Self> {
            OpenOptions::new().read(true).write(true).create_new(true).open(path)
        }

        pub(crate) fn try_clone(&self) -> io::Result<Self> {
            point(Op::Open, &self.path)?;
            Ok(Self { file: self.file.try_clone()?, path: self.path.clone() })
        }

        pub(crate) fn metadata(&self) -> io::Result<Metadata> {
            point(Op::Look, &self.path)?;
            self.file.metadata()
        }

        pub(crate) fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
            point(Op::Look, &self.path)?;
            self.file.set_permissions(permissions)
        }

        pub(crate) fn sync_all(&self) -> io::Result<()> {
            point(Op::Sync, &self.path)?;
            self.file.sync_all()
        }

        pub(crate) fn sync_data(&self) -> io::Result<()> {
            point(Op::Sync, &self.path)?;
            self.file.sync_data()
        }
    }

    impl From<std::fs::File> for File {
        fn from(file: std::fs::File) -> Self {
            Self { file, path: PathBuf::new() }
        }
    }

    impl Read for File {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            point(Op::Read, &self.path)?;
            self.file.read(into)
        }
    }

    impl Write for File {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = write_point(&self.path, bytes.len())?;
            self.file.write(&bytes[..count])
        }

        fn flush(&mut self) -> io::Result<()> {
            self.file.flush()
        }
    }

    impl Seek for File {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.file.seek(to)
        }
    }

    impl FileExt for File {
        fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
            point(Op::Read, &self.path)?;
            self.file.read_at(into, offset)
        }

        fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
            let count = write_point(&self.path, bytes.len())?;
            self.file.write_at(&bytes[..count], offset)
        }
    }

    impl AsFd for File {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.file.as_fd()
        }
    }

    /// How a file is opened.
    #[derive(Clone, Debug)]
    pub(crate) struct OpenOptions {
        options: std::fs::OpenOptions,
        makes: bool,
    }

    impl OpenOptions {
        pub(crate) fn new() -> Self {
            Self { options: std::fs::OpenOptions::new(), makes: false }
        }

        pub(crate) fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
            let path = path.as_ref();
            point(if self.makes { Op::Create } else { Op::Open }, path)?;
            Ok(File { file: self.options.open(path)?, path: path.to_path_buf() })
        }

        pub(crate) fn read(&mut self, yes: bool) -> &mut Self {
            self.options.read(yes);
            self
        }

        pub(crate) fn write(&mut self, yes: bool) -> &mut Self {
            self.options.write(yes);
            self
        }

        pub(crate) fn append(&mut self, yes: bool) -> &mut Self {
            self.options.append(yes);
            self
        }

        pub(crate) fn truncate(&mut self, yes: bool) -> &mut Self {
            self.options.truncate(yes);
            self
        }

        pub(crate) fn create(&mut self, yes: bool) -> &mut Self {
            self.options.create(yes);
            self.makes |= yes;
            self
        }

        pub(crate) fn create_new(&mut self, yes: bool) -> &mut Self {
            self.options.create_new(yes);
            self.makes |= yes;
            self
        }
    }

    impl OpenOptionsExt for OpenOptions {
        fn mode(&mut self, mode: u32) -> &mut Self {
            self.options.mode(mode);
            self
        }

        fn custom_flags(&mut self, flags: i32) -> &mut Self {
            self.options.custom_flags(flags);
            self
        }
    }

    /// How a folder is made.
    #[derive(Debug)]
    pub(crate) struct DirBuilder(std::fs::DirBuilder);

    impl DirBuilder {
        pub(crate) fn new() -> Self {
            Self(std::fs::DirBuilder::new())
        }

        pub(crate) fn recursive(&mut self, yes: bool) -> &mut Self {
            self.0.recursive(yes);
            self
        }

        pub(crate) fn create(&self, path: impl AsRef<Path>) -> io::Result<()> {
            point(Op::Mkdir, path.as_ref())?;
            self.0.create(path)
        }
    }

    impl DirBuilderExt for DirBuilder {
        fn mode(&mut self, mode: u32) -> &mut Self {
            self.0.mode(mode);
            self
        }
    }

    /// Functions of one path.
    macro_rules! pass {
        ($($op:ident $name:ident -> $result:ty;)*) => {$(
            pub(crate) fn $name(path: impl AsRef<Path>) -> io::Result<$result> {
                point(Op::$op, path.as_ref())?;
                std::fs::$name(path)
            }
        )*};
    }

    pass! {
        Look metadata -> Metadata;
        Look read_dir -> ReadDir;
        Look read_link -> PathBuf;
        Mkdir create_dir -> ();
        Mkdir create_dir_all -> ();
        Remove remove_dir -> ();
        Remove remove_dir_all -> ();
        Remove remove_file -> ();
    }

    pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        File::create(path)?.write_all(bytes.as_ref())
    }

    pub(crate) fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
        point(Op::Read, from.as_ref())?;
        point(Op::Create, to.as_ref())?;
        point(Op::Write, to.as_ref())?;
        std::fs::copy(from, to)
    }

    pub(crate) fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
        point(Op::Rename, to.as_ref())?;
        std::fs::rename(from, to)
    }

    pub(crate) fn hard_link(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
        point(Op::Link, to.as_ref())?;
        std::fs::hard_link(from, to)
    }

    pub(crate) fn set_permissions(path: impl AsRef<Path>, permissions: Permissions) -> io::Result<()> {
        point(Op::Look, path.as_ref())?;
        std::fs::set_permissions(path, permissions)
    }
}
