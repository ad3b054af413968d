"""Runs the servers of a Swift cluster as children, until standard input ends.

Called with a folder that `swift.ts` has written. It reads orders, a line each, and answers each with
the same line once it is obeyed:

    kill object.0     ends a server at once
    start object.0    starts one that was ended
"""

import ctypes
import functools
import json
import logging
import os
import signal
import sys

os.environ['EVENTLET_NO_GREENDNS'] = 'yes'  # halves the processor time of a start

from swift.common import utils, wsgi
from swift.common.ring import RingBuilder
from swift.common.utils import set_swift_dir
from swift.common.wsgi import run_wsgi

PR_SET_PDEATHSIG = 1

folder = sys.argv[1]
with open(os.path.join(folder, 'cluster.json')) as text:
    cluster = json.load(text)
children = {}


def build_rings():
    nodes = cluster['nodes']
    for kind in ('object', 'container', 'account'):
        builder = RingBuilder(4, min(3, nodes), 0)
        for node in range(nodes):
            builder.add_dev({
                'region': 1, 'zone': node, 'ip': '127.0.0.1', 'device': 'disk', 'weight': 1,
                'port': cluster['servers']['%s.%d' % (kind, node)],
            })
        builder.rebalance(seed=1)
        builder.get_ring().save(os.path.join(folder, '%s.ring.gz' % kind))


def start(name):
    if name in children:
        return
    parent = os.getpid()
    pid = os.fork()
    if pid:
        children[name] = pid
        return
    try:
        # The kernel ends it with this process, however that ends.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        log = os.path.join(folder, 'log')
        # Not to the log of the system.
        utils.ThreadSafeSysLogHandler = lambda **_: logging.FileHandler(log)
        # A port that somebody has taken meanwhile is a failure, not to be shared with them.
        wsgi.listen = functools.partial(wsgi.listen, reuse_port=False)
        kind = name.split('.')[0]
        os._exit(run_wsgi(os.path.join(folder, name + '.conf'), kind + '-server') or 0)
    finally:
        os._exit(1)


def kill(name):
    pid = children.pop(name, None)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


set_swift_dir(folder)  # before any server: else the prefix of hashes is that of the system
build_rings()
for name in cluster['servers']:
    start(name)
print('started', children['proxy'], flush=True)
for line in sys.stdin:
    order, name = line.split()
    {'start': start, 'kill': kill}[order](name)
    print(order, name, flush=True)
for name in list(children):
    kill(name)
