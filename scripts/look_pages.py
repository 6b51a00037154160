# SPDX-License-Identifier: MIT
"""Pictures of the pages of pprofconv html for scripts/look, wide and narrow, light and dark; and of
what go tool pprof shows of the same dump."""

import os
import re
import shutil
import socket
import subprocess
import sys

import built
import look_loads
import small_png

sys.path += [str(built.SCRIPTS.parent / 'tests' / name) for name in ('cli', 'common')]

import browser  # noqa: E402: after the path to it

WINDOWS = ((1280, 900), (400, 800))
SCHEMES = ('light', 'dark')
README_PICTURE = built.SCRIPTS.parent / 'page.png'
README_WINDOW = (1200, 870)


class Pages:
    """`convert(*arguments)` runs pprofconv."""

    def __init__(self, out, build, convert):
        self.out, self.convert = out, convert
        self.library = build / 'profiler' / 'libheapprof.so'
        self.browser = browser.Browser()
        self.n_messages = 0

    def folder(self, name):
        folder = self.out / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def page(self, name, *arguments):
        path = self.out / f'{name}.html'
        self.convert('html', '-q', *arguments, '-o', path)
        return path

    def report(self, picture):
        """Prints the name of a picture, and what the console has shown."""
        messages = self.browser.messages()
        self.n_messages += len(messages)
        print(picture, *messages)

    def show(self, name, page, fragment=''):
        for width, height in WINDOWS:
            for scheme in SCHEMES:
                picture = self.out / f'{name}-{width}-{scheme}.png'
                self.browser.emulate(width, height, prefers_color_scheme=scheme)
                self.browser.open(page, fragment)
                self.browser.picture(picture, is_whole=True)
                self.report(picture)

    # --- loads -----------------------------------------------------------------------------------

    def demo(self):
        dumps = look_loads.demo(self.library, self.folder('demo'))
        self.show('demo-diff', self.page('demo-diff', dumps[-1], '--base', dumps[0]))
        self.show('demo-series', self.page('demo-series', *dumps))
        self.peers('demo', dumps[-1], '--base', dumps[0])

    def postgres(self):
        dumps = look_loads.postgres(self.library, self.folder('postgres'))
        self.show('postgres', self.page('postgres', *dumps))
        self.peers('postgres', dumps[-1])

    def compiler(self):
        dump = look_loads.compiler(self.library, self.folder('compiler'))[-1]
        page = self.page('compiler', dump)
        self.show('compiler', page)
        self.show('compiler-callers', page, '#invert=true&search=alloc')
        self.peers('compiler', dump)

    def readme(self):
        """The picture on top of README.md."""
        dumps = look_loads.demo(self.library, self.folder('readme'))
        page = self.page('readme', *dumps)
        self.browser.emulate(*README_WINDOW, prefers_color_scheme='light')
        self.browser.open(page)
        picture = self.out / 'readme.png'
        self.browser.picture(picture)
        small_png.write(picture, README_PICTURE)
        self.report(README_PICTURE)

    # --- peers -----------------------------------------------------------------------------------

    def peers(self, name, dump, *base):
        """What go tool pprof shows of the same dump: its graph, and its flame graph."""
        if not shutil.which('go'):
            print('go is not installed: no pictures by pprof')
            return
        profile = self.out / f'{name}.pb.gz'
        self.convert('-q', dump, '-o', profile)
        options = []
        if base:
            self.convert('-q', base[1], '-o', self.out / f'{name}-base.pb.gz')
            options = ['-diff_base', str(self.out / f'{name}-base.pb.gz')]
        graph = self.out / f'{name}-pprof-graph.png'
        subprocess.run(['go', 'tool', 'pprof', '-png', '-output', str(graph), *options, str(profile)],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        print(graph)
        with socket.socket() as free:
            free.bind(('localhost', 0))
            port = free.getsockname()[1]
        with subprocess.Popen(['go', 'tool', 'pprof', '-no_browser', f'-http=localhost:{port}', *options,
                               str(profile)], stderr=subprocess.PIPE, text=True,
                              start_new_session=True) as server:
            address = next(found[0] for line in server.stderr
                           if (found := re.search(r'http://\S+', line)))
            self.browser.emulate(*WINDOWS[0])
            self.browser.open_url(f'{address}/flamegraph')
            picture = self.out / f'{name}-pprof-flame.png'
            self.browser.picture(picture)
            self.browser.messages()
            print(picture)
            os.killpg(server.pid, 15)

    def quit(self):
        self.browser.quit()
