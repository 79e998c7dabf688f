"""OpenStack Swift with its S3 interface, all four of its servers in one process on loopback ports, for tests.

    /usr/bin/python3 swift-server.py DIRECTORY SECRET PAGE_KEYS

Keeps everything in the directory, prints the port of the S3 interface when it answers, and ends when its standard input
does. The account is `holdfast:tests`, its key the secret; a listing's pages have so many keys.
"""

import os
import sys

import eventlet
import eventlet.patcher

eventlet.patcher.monkey_patch(all=False, socket=True, select=True, thread=True)
# What a test has stored need not outlast the machine; syncing every object and every listing is most of Swift's time.
os.fsync = os.fdatasync = lambda _: None

from eventlet import wsgi  # noqa: E402
from swift.common import utils  # noqa: E402

directory, secret, page_keys = sys.argv[1:4]


def write(name, text):
    with open(os.path.join(directory, name), "w") as file:
        file.write(text)
    return file.name


write(
    "swift.conf",
    "[swift-hash]\nswift_hash_path_suffix = t\nswift_hash_path_prefix = t\n"
    # As S3 has it; the names of segments repeat the name of the object.
    "[swift-constraints]\nmax_object_name_length = 1300\n"
    "[storage-policy:0]\nname = only\ndefault = yes\n",
)
# Before the rest of Swift is loaded, for its constraints are read then.
utils.set_swift_dir(directory)

from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.wsgi import SwiftHttpProtocol, loadapp  # noqa: E402

STORAGE = ["account", "container", "object"]
FILTERS = ["catch_errors", "gatekeeper", "listing_formats", "bulk", "slo"]


class Memory:
    """Stands in for memcached, which the proxy asks for what it has looked up before."""

    def __init__(self):
        self.values = {}

    def get(self, key, **_):
        return self.values.get(key)

    def set(self, key, value, **_):
        self.values[key] = value

    def incr(self, key, delta=1, **_):
        self.values[key] = int(self.values.get(key) or 0) + delta
        return self.values[key]

    def delete(self, key, **_):
        self.values.pop(key, None)


def listen():
    return eventlet.listen(("127.0.0.1", 0), backlog=256)


def serve(socket, app):
    log = open(os.devnull, "w")
    eventlet.spawn(wsgi.server, socket, app, log, protocol=SwiftHttpProtocol, custom_pool=eventlet.GreenPool(512))


os.makedirs(os.path.join(directory, "devices", "d1"), exist_ok=True)

sockets = {kind: listen() for kind in STORAGE}
for kind, socket in sockets.items():
    ring = RingBuilder(4, 1, 1)
    ring.add_dev(
        {"id": 0, "region": 1, "zone": 1, "weight": 1, "ip": "127.0.0.1", "port": socket.getsockname()[1], "device": "d1"}
    )
    ring.rebalance()
    ring.get_ring().save(os.path.join(directory, kind + ".ring.gz"))
for kind, socket in sockets.items():
    conf = write(
        kind + ".conf",
        f"[DEFAULT]\nswift_dir = {directory}\ndevices = {directory}/devices\nmount_check = false\n"
        "disable_fallocate = true\nlog_level = ERROR\n"
        f"[pipeline:main]\npipeline = app\n[app:app]\nuse = egg:swift#{kind}\n"
        # A listing that is written later would lack what was just put.
        "container_update_timeout = 60\n",
    )
    serve(socket, loadapp(conf))

conf = write(
    "proxy.conf",
    f"[DEFAULT]\nswift_dir = {directory}\nlog_level = ERROR\n"
    "[pipeline:main]\npipeline = catch_errors gatekeeper listing_formats s3api tempauth bulk slo proxy-server\n"
    "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n"
    "conn_timeout = 10\nnode_timeout = 60\nrecoverable_node_timeout = 60\n"
    f"[filter:s3api]\nuse = egg:swift#s3api\nlocation = us-east-1\nmax_bucket_listing = {page_keys}\n"
    f"[filter:tempauth]\nuse = egg:swift#tempauth\nuser_holdfast_tests = {secret} .admin\n"
    + "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n" for name in FILTERS),
)
memory = Memory()
proxy = loadapp(conf)
# The one page that no setting bounds: of uploads that are under way.
from swift.common.middleware.s3api.controllers import multi_upload  # noqa: E402

multi_upload.DEFAULT_MAX_UPLOADS = int(page_keys)


def with_memory(environ, start_response):
    environ["swift.cache"] = memory
    return proxy(environ, start_response)


proxy_socket = listen()
serve(proxy_socket, with_memory)
print(proxy_socket.getsockname()[1], flush=True)
eventlet.hubs.trampoline(0, read=True)
