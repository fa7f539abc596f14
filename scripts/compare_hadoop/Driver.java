// Runs one job as Hadoop Streaming's main class does, and writes its counters as JSON.
//
// usage: Driver run COUNTERS_FILE ARGUMENT...
//        Driver equal OPTIONS SEPARATOR < pairs     (two keys a line in hex; prints 1 for each pair that
//                                                   KeyFieldBasedComparator calls equal, else 0)

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Arrays;
import org.apache.hadoop.io.DataOutputBuffer;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.mapred.Counters;
import org.apache.hadoop.mapred.JobConf;
import org.apache.hadoop.mapred.lib.KeyFieldBasedComparator;
import org.apache.hadoop.streaming.StreamJob;
import org.apache.hadoop.util.ToolRunner;

public class Driver extends StreamJob {
  public static void main(String[] args) throws Exception {
    if (args[0].equals("equal")) {
      equal(args[1], args[2]);
      return;
    }
    String[] rest = Arrays.copyOfRange(args, 2, args.length);
    if (rest.length == 0) {
      System.exit(1);
    }
    Driver job = new Driver();
    int status = ToolRunner.run(job, rest);
    if (job.running_ != null && !job.background_) {
      Files.write(Paths.get(args[1]), json(job.running_.getCounters()).getBytes(StandardCharsets.UTF_8));
    }
    // Without exit after success: a job in the background goes on.
    if (status != 0) {
      System.exit(status);
    }
  }

  private static String json(Counters counters) {
    StringBuilder out = new StringBuilder("{");
    for (Counters.Group group : counters) {
      out.append(out.length() > 1 ? ",\n" : "").append(quoted(group.getDisplayName())).append(": {");
      boolean first = true;
      for (Counters.Counter counter : group) {
        out.append(first ? "" : ", ").append(quoted(counter.getDisplayName())).append(": ");
        out.append(counter.getValue());
        first = false;
      }
      out.append("}");
    }
    return out.append("}\n").toString();
  }

  private static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\' || c < ' ' || c > '~') {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.append("\"").toString();
  }

  private static void equal(String options, String separator) throws Exception {
    JobConf conf = new JobConf(false);
    conf.set("mapreduce.partition.keycomparator.options", options);
    conf.set("mapreduce.map.output.key.field.separator", separator);
    KeyFieldBasedComparator<Text, Text> comparator = new KeyFieldBasedComparator<>();
    comparator.configure(conf);
    BufferedReader pairs = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    for (String line = pairs.readLine(); line != null; line = pairs.readLine()) {
      String[] keys = line.split(" ", -1);
      DataOutputBuffer a = serialised(keys[0]);
      DataOutputBuffer b = serialised(keys[1]);
      int order = comparator.compare(a.getData(), 0, a.getLength(), b.getData(), 0, b.getLength());
      System.out.println(order == 0 ? 1 : 0);
    }
  }

  private static DataOutputBuffer serialised(String hex) throws Exception {
    byte[] bytes = new byte[hex.length() / 2];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
    }
    DataOutputBuffer out = new DataOutputBuffer();
    new Text(bytes).write(out);
    return out;
  }
}
