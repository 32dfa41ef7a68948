def app(environ, start_response):
    body = "myapp %s %s at %s" % (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("SCRIPT_NAME", ""))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body.encode("latin-1")]
