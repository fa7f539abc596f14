import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FsShell;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.util.ToolRunner;

/** Runs lines of words, with U+001F between them, as FsShell commands on an HDFS of its own. Answers with sizes and bytes. */
public class ShellDriver {
  public static void main(String[] args) throws Exception {
    PrintStream answers = System.out;
    PrintStream quiet = System.err;
    System.setOut(quiet);
    Configuration conf = new Configuration();
    conf.set("dfs.replication", "1");
    conf.set("dfs.permissions.superusergroup", args[1]);
    conf.set("hdfs.minidfs.basedir", new File(args[0]).getAbsolutePath());
    MiniDFSCluster cluster = new MiniDFSCluster.Builder(conf).numDataNodes(1).build();
    cluster.waitActive();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      ByteArrayOutputStream err = new ByteArrayOutputStream();
      System.setOut(new PrintStream(out, true, "UTF-8"));
      System.setErr(new PrintStream(err, true, "UTF-8"));
      FsShell shell = new FsShell();
      shell.setConf(new Configuration(cluster.getConfiguration(0)));
      int code;
      try {
        code = ToolRunner.run(shell, line.split("\u001f", -1));
      } catch (Throwable thrown) {
        thrown.printStackTrace();
        code = -1;
      }
      System.out.flush();
      System.err.flush();
      answers.println((code & 255) + " " + out.size() + " " + err.size());
      out.writeTo(answers);
      err.writeTo(answers);
      answers.flush();
    }
    cluster.shutdown();
    Runtime.getRuntime().halt(0);
  }
}
