def app(environ, start_response):
    body = "broken %s %s" % (environ["REQUEST_METHOD"], environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body.encode("latin-1")]
