"""A load balancer in the client: asks who is ready, spreads requests over these, keeps connections, tries nothing twice."""

import collections
import http.client
import itertools
import threading
import time

CALLS = (("GET", "/api/v1/staff"), ("GET", "/api/v1/session"), ("POST", "/api/v1/session/keep-alive"), ("GET", "/"),
         ("GET", "/api/v1/staff-invitations"))
PEOPLE = 6


class Balancer:
    """Knows the replicas, and which of them said that they are ready."""

    def __init__(self, browser, asked_every):
        self.browser, self.asked_every, self.replicas, self.ready = browser, asked_every, [], []
        self.turns = itertools.count()
        self.stopping = threading.Event()
        self.answers, self.failures = collections.Counter(), []
        self.threads = [threading.Thread(target=self.watch, daemon=True)]
        self.threads += [threading.Thread(target=self.ask, args=(number,), daemon=True) for number in range(PEOPLE)]

    def __enter__(self):
        self.look()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)

    def look(self):
        self.ready = [replica for replica in list(self.replicas) if replica.ready()]

    def watch(self):
        while not self.stopping.wait(self.asked_every):
            self.look()

    def wait_for(self, replica, seconds=60):
        """Until the balancer itself sees the replica ready."""
        deadline = time.monotonic() + seconds
        while replica not in self.ready:
            if replica.process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError(f"{replica.name} did not become ready:\n{replica.tail()}")
            time.sleep(0.05)

    def ask(self, number):
        """One person's requests, one after the other."""
        connections = {}
        for turn in itertools.count(number):
            if self.stopping.is_set():
                return
            method, path = CALLS[turn % len(CALLS)]
            ready = self.ready
            for gone in [replica for replica in connections if replica not in ready]:
                connections.pop(gone).close()
            if not ready:
                self.failures.append((path, "nobody is ready"))
                time.sleep(0.05)
                continue
            self.send(ready[next(self.turns) % len(ready)], connections, method, path)

    def send(self, replica, connections, method, path):
        connection = connections.get(replica)
        if connection is None:
            connection = http.client.HTTPSConnection("localhost", replica.port, context=replica.trust, timeout=20)
            connections[replica] = connection
        try:
            connection.request(method, path, "{}" if method == "POST" else None, self.browser.headers(method))
            answer = connection.getresponse()
            answer.read()
            self.answers[replica.name, answer.status] += 1
            if answer.status >= 400:
                self.failures.append((path, f"{answer.status} of {replica.name}"))
            if answer.will_close:
                connections.pop(replica).close()
        except (OSError, http.client.HTTPException) as error:
            connections.pop(replica).close()
            self.failures.append((path, f"{error!r} of {replica.name}"))
