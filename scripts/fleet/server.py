# SPDX-License-Identifier: MIT
"""Talks to a ClickHouse server over HTTP."""

import http.client
import time
import urllib.parse

PATIENCE = 600  # seconds for an answer


class Refused(Exception):
    """The server is not there, refuses, or has not answered as a whole."""


class Server:
    def __init__(self, url, retries=0):
        self.url, self.retries = url, retries
        try:
            parts = urllib.parse.urlsplit(url)
            self.host, self.port = parts.hostname, parts.port or 8123
        except ValueError:
            parts = None
        if not parts or parts.scheme != 'http' or not self.host:
            raise Refused(f"'{url}': expected a server such as http://127.0.0.1:8123")

    def _ask_once(self, query, data, settings):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        path = '/?' + urllib.parse.urlencode({'query': query, 'wait_end_of_query': 1, **settings},
                                             errors='surrogateescape')
        try:
            connection.request('POST', path, body=data)
            answer = connection.getresponse()
            text = answer.read().decode(errors='replace')
        except (OSError, http.client.HTTPException) as reason:
            raise Refused(f'{self.url}: {reason or type(reason).__name__}') from None
        finally:
            connection.close()
        if answer.status != 200 or 'DB::Exception' in text[-2000:]:
            said = ' '.join(text.split())[:500]
            raise Refused(f'{self.url}: {answer.status}: {said}')
        return text

    def ask(self, query, data=b'', **settings):
        """Sends a query; returns the whole answer. Tries again, after 1, 2, 4... seconds."""
        for left in range(self.retries, -1, -1):
            try:
                return self._ask_once(query, data, settings)
            except Refused:
                if not left:
                    raise
                time.sleep(2 ** (self.retries - left))
        raise AssertionError('not reached')

    def run(self, text):
        """Runs the statements of a .sql file."""
        lines = [line for line in text.splitlines() if not line.startswith('--')]
        for statement in '\n'.join(lines).split(';\n'):
            if statement.strip(' \n;'):
                self.ask(statement.strip(' \n;'))

    def insert(self, table, rows):
        """Inserts rows of tab-separated fields into a table of all servers, and returns once each
        server has stored its part."""
        if rows:
            self.ask(f'INSERT INTO heap.{table}_all FORMAT TabSeparated', ('\n'.join(rows) + '\n').encode(),
                     insert_distributed_sync=1)


def plain(text):
    """Returns a text for a terminal: no control character but tabs and newlines."""
    return ''.join(c if c.isprintable() or c in '\n\t' else '?' for c in text)


def quote(text):
    """Returns a text as the inside of a string in SQL."""
    return text.replace('\\', '\\\\').replace("'", "\\'")
