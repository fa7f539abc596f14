import sys
for byte in sys.stdin.buffer.read():
    print("%02x" % byte)
