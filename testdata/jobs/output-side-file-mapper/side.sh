#!/bin/sh
# leaves a file beside the output of its task
dir=${mapreduce_task_output_dir#file:}
mkdir -p "$dir" && echo "$mapreduce_task_partition" >"$dir/side-$mapreduce_task_partition"
cat
