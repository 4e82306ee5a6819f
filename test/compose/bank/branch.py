import socket, subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

def redis(*words):
    return subprocess.run(["redis-cli", "-h", "ledger", *words], capture_output=True, text=True, check=True).stdout.strip()

class Branch(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer("open" if self.path == "/open" else f"{socket.gethostname()} {redis('get', 'balance')}")

    def do_POST(self):
        amount = self.rfile.read(int(self.headers["Content-Length"])).decode()
        balance = redis("incrby", "balance", amount)
        subprocess.run(["mosquitto_pub", "-h", "broker", "-q", "1", "-t", "bookings", "-m", f"{amount} makes {balance}"], check=True)
        self.answer(balance)

    def answer(self, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

ThreadingHTTPServer(("", 8000), Branch).serve_forever()
