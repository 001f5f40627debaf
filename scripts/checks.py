"""The rows of a script that checks something: "ok" or "FAIL" and a text."""
failures = 0


def check(good, text):
    global failures
    failures += not good
    print("ok  " if good else "FAIL", text, flush=True)
