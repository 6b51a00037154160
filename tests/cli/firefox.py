# SPDX-License-Identifier: MIT
"""Drives a headless Firefox by Marionette, its own protocol, which geckodriver uses as well."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import cli

PREFERENCES = {
    'marionette.port': 0,  # any that is free
    'app.update.disabledForTesting': True, 'browser.shell.checkDefaultBrowser': False,
    'browser.startup.page': 0, 'datareporting.policy.dataSubmissionEnabled': False,
    'network.captive-portal-service.enabled': False, 'network.connectivity-service.enabled': False,
    'services.settings.server': 'data:,#remote-settings-dummy/v1', 'toolkit.telemetry.enabled': False,
}


class Firefox:
    def __init__(self):
        self.home = tempfile.mkdtemp(prefix='heapprof-firefox-')
        with open(f'{self.home}/user.js', 'w', encoding='ascii') as file:
            for name, value in PREFERENCES.items():
                file.write(f'user_pref({json.dumps(name)}, {json.dumps(value)});\n')
        self.process = subprocess.Popen(
            ['firefox-esr', '--headless', '--marionette', '--no-remote', '--profile', self.home],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=dict(os.environ, HOME=self.home))
        self.socket = socket.create_connection(('127.0.0.1', self.wait_for_port()), cli.PATIENCE)
        self.stream = self.socket.makefile('rb')
        self.receive()  # its greeting
        self.n_calls = 0
        self.call('WebDriver:NewSession', capabilities={})

    def wait_for_port(self):
        port = pathlib.Path(self.home, 'MarionetteActivePort')

        def written():
            assert self.process.poll() is None, 'Firefox has ended'
            return port.exists() and port.read_text(encoding='ascii')

        return int(cli.running.wait_until(written, 'Firefox listens', cli.PATIENCE))

    def receive(self):
        """Returns a message: its length, a colon, and JSON."""
        length = b''
        while (byte := self.stream.read(1)) != b':':
            assert byte, 'Firefox has ended'
            length += byte
        return json.loads(self.stream.read(int(length)))

    def call(self, name, **parameters):
        self.n_calls += 1
        text = json.dumps([0, self.n_calls, name, parameters]).encode()
        self.socket.sendall(b'%d:%s' % (len(text), text))
        _, _, error, result = self.receive()
        assert not error, f'{name}: {error["message"]}'
        return result

    def open(self, path, fragment=''):
        """Opens a page of pprofconv html; waits until it has drawn all."""
        self.call('WebDriver:Navigate', url='about:blank')
        self.call('WebDriver:Navigate', url=pathlib.Path(path).absolute().as_uri() + fragment)
        cli.running.wait_until(lambda: self.run('return window.heapprof && window.heapprof.isDrawn'),
                           f'{path} is drawn', cli.PATIENCE)

    def run(self, script, *arguments):
        """Runs the body of a function in the page; returns what it returns."""
        return self.call('WebDriver:ExecuteScript', script=script, args=arguments, sandbox=None,
                         newSandbox=False)['value']

    def quit(self):
        self.process.terminate()
        self.process.wait()
        self.stream.close()
        self.socket.close()
        shutil.rmtree(self.home, ignore_errors=True)
