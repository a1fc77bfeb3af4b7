"""Hosts with network interfaces of their own, each a namespace on a wire to the tests' world."""

import itertools
import subprocess

_numbers = itertools.count(1)


def _run(*command):
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


class Host:
    """`net` is for Daemon.net.  Each wire has an IPv4 and an IPv6 subnet: `.server` is our end's
    address there, `.client` the host's."""

    def __init__(self, folder, name):
        self.net = folder / f"net-{name}"
        self.net.touch()
        _run("unshare", f"--net={self.net}", "true")
        self.inside("ip", "link", "set", "lo", "up")
        self.wires = []

    def inside(self, *command):
        _run("nsenter", f"--net={self.net}", "--", *command)

    def add_wire(self):
        number = next(_numbers)
        wire = Wire(number)
        _run("ip", "link", "add", wire.name, "type", "veth", "peer", "name", wire.name, "netns",
             self.net)
        for prefix, size in (("10.77.{}.", 24), ("fd77:{}::", 64)):
            network = prefix.format(number)
            more = ["nodad"] if size == 64 else []
            _run("ip", "addr", "add", f"{network}1/{size}", "dev", wire.name, *more)
            self.inside("ip", "addr", "add", f"{network}2/{size}", "dev", wire.name, *more)
        _run("ip", "link", "set", wire.name, "up")
        self.inside("ip", "link", "set", wire.name, "up")
        self.wires.append(wire)
        return wire

    def drop_all_to(self, address):
        """What is sent to `address` leaves this host and is answered by nobody."""
        name = self.wires[0].name
        self.inside("ip", "route", "add", address, "dev", name)
        self.inside("ip", "neigh", "add", address, "lladdr", "02:00:00:00:00:99", "dev", name,
                    "nud", "permanent")

    def close(self):
        for wire in self.wires:
            subprocess.run(["ip", "link", "del", wire.name], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["umount", str(self.net)], check=False)


class Wire:
    def __init__(self, number):
        self.name = f"wire{number}"
        self.server, self.client = f"10.77.{number}.1", f"10.77.{number}.2"
        self.server6, self.client6 = f"fd77:{number}::1", f"fd77:{number}::2"
