import sys
sys.stdin.buffer.read()
sys.stdout.buffer.write(bytes.fromhex("07000000016b070000000176ff07000000016c070000000177"))
