# SPDX-License-Identifier: MIT
"""Drives a headless Chromium by chromedriver, with the WebDriver protocol."""

import base64
import http.client
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time

PATIENCE = 120  # seconds
ARGUMENTS = ('--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
             '--hide-scrollbars', '--no-first-run', '--disable-extensions', '--disable-sync',
             '--disable-background-networking', '--disable-component-update',
             '--window-size=1280,900')
KEYS = {'Tab': '\ue004', 'Enter': '\ue007', 'Escape': '\ue00c', 'Space': '\ue00d',
        'Left': '\ue012', 'Up': '\ue013', 'Right': '\ue014', 'Down': '\ue015'}


class Browser:
    """With `traced`, a list of categories of Chromium's tracing, the browser records them."""

    def __init__(self, traced=''):
        self.home = tempfile.TemporaryDirectory(prefix='heapprof-browser-')
        environment = dict(os.environ, HOME=self.home.name)
        self.driver = subprocess.Popen(
            ['chromedriver', '--port=0'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env=environment)
        for line in self.driver.stdout:
            started = re.search(r'started successfully on port (\d+)', line)
            if started:
                break
        self.connection = http.client.HTTPConnection('127.0.0.1', int(started[1]),
                                                     timeout=PATIENCE)
        self.session = ''
        options = {'args': [*ARGUMENTS, f'--user-data-dir={self.home.name}/data']}
        logs = {'browser': 'ALL'}
        if traced:
            options['perfLoggingPrefs'] = {'enableNetwork': False, 'enablePage': False,
                                           'traceCategories': traced}
            logs['performance'] = 'ALL'
        made = self.call('POST', '', {'capabilities': {'alwaysMatch': {
            'goog:chromeOptions': options, 'goog:loggingPrefs': logs,
            'unhandledPromptBehavior': 'ignore',
        }}})
        self.session = '/' + made['sessionId']

    def call(self, method, path, body=None):
        """Makes a call of the protocol; returns its value."""
        self.connection.request(method, f'/session{self.session}{path}',
                                None if body is None else json.dumps(body),
                                {'Content-Type': 'application/json'})
        answer = json.loads(self.connection.getresponse().read())['value']
        if isinstance(answer, dict) and 'error' in answer:
            raise AssertionError(f'{path}: {answer["error"]}: {answer["message"]}')
        return answer

    def open(self, path, fragment=''):
        """Opens a page of pprofconv html anew, also if only the fragment differs; waits until it has
        drawn all."""
        self.call('POST', '/url', {'url': 'about:blank'})
        self.open_url(pathlib.Path(path).absolute().as_uri() + fragment)
        self.wait_for('return window.heapprof?.isDrawn')

    def open_url(self, url):
        self.call('POST', '/url', {'url': url})

    def run(self, script, *arguments):
        """Runs the body of a function in the page; returns what it returns."""
        return self.call('POST', '/execute/sync', {'script': script, 'args': arguments})

    def wait_for(self, script):
        """Waits until the body of a function returns a true value; fails if it takes too long."""
        until = time.monotonic() + PATIENCE
        while not self.run(script):
            if time.monotonic() > until:
                raise AssertionError(f'waited for {PATIENCE} seconds: {script}')
            time.sleep(0.02)

    def messages(self):
        """Returns what the console has shown since the last call."""
        return [entry['message'] for entry in self.call('POST', '/se/log', {'type': 'browser'})]

    def trace(self):
        """Returns the events of the trace since the last call."""
        entries = [json.loads(entry['message'])['message']
                   for entry in self.call('POST', '/se/log', {'type': 'performance'})]
        return [entry['params'] for entry in entries if entry['method'] == 'Tracing.dataCollected']

    def press(self, *keys):
        """Presses keys, one after another: names of KEYS, or characters."""
        actions = [{'type': kind, 'value': KEYS.get(key, key)}
                   for key in keys for kind in ('keyDown', 'keyUp')]
        self.call('POST', '/actions', {'actions': [
            {'type': 'key', 'id': 'keyboard', 'actions': actions}]})

    def click(self, selector):
        """Clicks in the middle of the first element that the selector finds."""
        found = self.call('POST', '/element', {'using': 'css selector', 'value': selector})
        self.call('POST', f'/element/{next(iter(found.values()))}/click', {})

    def emulate(self, width=1280, height=900, media='', **features):
        """Sets the size of the window, the medium, and media features such as
        prefers_color_scheme."""
        self.command('Emulation.setDeviceMetricsOverride', width=width, height=height,
                     deviceScaleFactor=1, mobile=False)
        self.command('Emulation.setEmulatedMedia', media=media, features=[
            {'name': name.replace('_', '-'), 'value': value} for name, value in features.items()])

    def picture(self, path, is_whole=False):
        """Writes what the window shows, or the whole page, as a PNG."""
        size = self.command('Page.getLayoutMetrics')['cssContentSize'] if is_whole else {}
        clip = {'clip': {**size, 'scale': 1}} if is_whole else {}
        taken = self.command('Page.captureScreenshot', captureBeyondViewport=is_whole, **clip)
        pathlib.Path(path).write_bytes(base64.b64decode(taken['data']))

    def command(self, name, **parameters):
        """Sends a command of the DevTools protocol."""
        return self.call('POST', '/goog/cdp/execute', {'cmd': name, 'params': parameters})

    def quit(self):
        try:
            self.call('DELETE', '')
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.driver.stdout.close()
            self.connection.close()
            self.home.cleanup()
