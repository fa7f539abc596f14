// Runs one job as Hadoop Streaming's main class does, and writes its counters as JSON.
// It is in the package of streaming, because class names without dots are looked up in the package of the job.
//
// usage: CompareDriver run COUNTERS_FILE ARGUMENT...
//        CompareDriver sorted OPTIONS SEPARATOR < keys
//            Keys in hex, one a line; prints how many pairs stand in an order that KeyFieldBasedComparator forbids.
//            A pair of which it calls each the smaller, as it does for keys that lack the field, may stand as it likes.

package org.apache.hadoop.streaming;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.hadoop.io.DataOutputBuffer;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.mapred.Counters;
import org.apache.hadoop.mapred.JobConf;
import org.apache.hadoop.mapred.lib.KeyFieldBasedComparator;
import org.apache.hadoop.util.ToolRunner;

public class CompareDriver extends StreamJob {
  public static void main(String[] args) throws Exception {
    if (args[0].equals("sorted")) {
      sorted(args[1], args[2]);
      return;
    }
    String[] rest = Arrays.copyOfRange(args, 2, args.length);
    if (rest.length == 0) {
      System.exit(1);
    }
    CompareDriver job = new CompareDriver();
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

  private static void sorted(String options, String separator) throws Exception {
    JobConf conf = new JobConf(false);
    conf.set("mapreduce.partition.keycomparator.options", options);
    conf.set("mapreduce.map.output.key.field.separator", separator);
    KeyFieldBasedComparator<Text, Text> comparator = new KeyFieldBasedComparator<>();
    comparator.configure(conf);
    List<DataOutputBuffer> keys = new ArrayList<>();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      keys.add(serialised(line));
    }
    int wrong = 0;
    for (int later = 0; later < keys.size(); later++) {
      for (int earlier = 0; earlier < later; earlier++) {
        DataOutputBuffer a = keys.get(earlier);
        DataOutputBuffer b = keys.get(later);
        int order = comparator.compare(a.getData(), 0, a.getLength(), b.getData(), 0, b.getLength());
        int reverse = comparator.compare(b.getData(), 0, b.getLength(), a.getData(), 0, a.getLength());
        if (order > 0 && reverse < 0) {
          wrong++;
          System.err.println(text(a) + " before " + text(b) + ": " + order + " and " + reverse);
        }
      }
    }
    System.out.println(wrong);
  }

  private static String text(DataOutputBuffer key) {
    return quoted(new String(key.getData(), 0, key.getLength(), StandardCharsets.ISO_8859_1));
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
