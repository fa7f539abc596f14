// The local file system with its folders listed by name, as HDFS lists them. Hadoop's own takes whatever order the
// disk has, which would make the numbers of map tasks a matter of chance.

package org.apache.hadoop.streaming;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;

public class CompareFileSystem extends LocalFileSystem {
  public CompareFileSystem() {
    super(new Sorted());
  }

  private static class Sorted extends RawLocalFileSystem {
    @Override
    public FileStatus[] listStatus(Path folder) throws IOException {
      FileStatus[] found = super.listStatus(folder);
      Arrays.sort(found, (a, b) -> Arrays.compareUnsigned(bytes(a), bytes(b)));
      return found;
    }
  }

  private static byte[] bytes(FileStatus status) {
    return status.getPath().getName().getBytes(StandardCharsets.UTF_8);
  }
}
