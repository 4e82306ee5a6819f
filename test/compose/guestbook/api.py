import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import psycopg2

password = open(os.environ["DB_PASSWORD_FILE"]).read()

def run(statement, *values):
    connection = psycopg2.connect(host=os.environ["DB_HOST"], user="postgres", password=password, dbname="postgres")
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS entries (id SERIAL PRIMARY KEY, text TEXT NOT NULL)")
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    connection.close()
    return rows

class Api(BaseHTTPRequestHandler):
    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer([text for (text,) in run("SELECT text FROM entries ORDER BY id")])

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.answer(run("INSERT INTO entries (text) VALUES (%s) RETURNING id", text)[0][0])

ThreadingHTTPServer(("", 8000), Api).serve_forever()
