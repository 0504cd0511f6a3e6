# SPDX-License-Identifier: MIT
"""
Writes a GeoIP database, because Debian has none that is free: a file in the MaxMind DB format, version 2.0, in which each
of these IPv4 networks has the name of a city.

    geoip.py FILE NETWORK=CITY...
"""

import ipaddress
import pathlib
import struct
import sys

MARKER = b"\xab\xcd\xefMaxMind.com"
TEXT, UINT16, UINT32, MAP, UINT64, ARRAY = 2, 5, 6, 7, 9, 11


def head(kind, size):
    """The byte before each value. Kinds after 7 have a second one."""
    return bytes([kind << 5 | size]) if kind <= 7 else bytes([size, kind - 7])


def number(kind, value):
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return head(kind, len(data)) + data


def text(value):
    """Of at most 28 bytes."""
    return head(TEXT, len(value.encode())) + value.encode()


def mapping(entries):
    return head(MAP, len(entries)) + b"".join(text(key) + value for key, value in entries.items())


def metadata(nodes):
    return mapping(
        {
            "binary_format_major_version": number(UINT16, 2),
            "binary_format_minor_version": number(UINT16, 0),
            "build_epoch": number(UINT64, 1796000000),
            "database_type": text("Test-City"),
            "description": mapping({"en": text("a test")}),
            "ip_version": number(UINT16, 4),
            "languages": head(ARRAY, 1) + text("en"),
            "node_count": number(UINT32, nodes),
            "record_size": number(UINT16, 24),
        }
    )


def add(tree, network, place):
    """A node for each bit of the network: [what follows a 0, what follows a 1]. The last one leads to its data."""
    address, node = int(network.network_address), 0
    for depth in range(network.prefixlen):
        bit = address >> (31 - depth) & 1
        if depth == network.prefixlen - 1:
            tree[node][bit] = ("data", place)
        elif tree[node][bit] is None:
            tree.append([None, None])
            tree[node][bit] = len(tree) - 1
        node = tree[node][bit]


def record(value, nodes):
    """The number of a node, or how many there are for nothing, or more for data: 16 bytes lie before them."""
    if value is None:
        value = nodes
    if isinstance(value, tuple):
        value = nodes + 16 + value[1]
    return struct.pack(">I", value)[1:]


def main(path, *networks):
    tree, data = [[None, None]], b""
    for each in networks:
        network, city = each.split("=")
        add(tree, ipaddress.IPv4Network(network), len(data))
        data += mapping({"city": mapping({"names": mapping({"en": text(city)})})})
    records = b"".join(record(value, len(tree)) for node in tree for value in node)
    pathlib.Path(path).write_bytes(records + bytes(16) + data + MARKER + metadata(len(tree)))


main(*sys.argv[1:])
