import sys
sys.stderr.buffer.write("reporter:counter:G,a,١٢\nreporter:counter:G,b,١x\nreporter:counter:G,c,𝟏\n".encode())
print(sys.stdin.read(), end="")
