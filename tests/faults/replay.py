#!/usr/bin/env python3
"""What a disk holds after the power went: replay.py OPS FOLDER writes predictions.db and its -wal as they would be if every
write after a file's last sync were lost, and prints how many bytes were lost. OPS: what shim.c recorded."""
import os
import struct
import sys

HEAD = struct.Struct("<cc6xQQ")


def main():
    ops, folder = sys.argv[1:3]
    kept, waiting, lost = {b"d": bytearray(), b"w": bytearray()}, {b"d": [], b"w": []}, 0
    with open(ops, "rb") as f:
        while len(head := f.read(HEAD.size)) == HEAD.size:
            kind, file, offset, length = HEAD.unpack(head)
            data = f.read(length) if kind == b"w" else b""
            if kind == b"w" and len(data) < length:
                break  # the process died in the middle
            if kind != b"s":
                waiting[file].append((kind, offset, data))
                continue
            for kind, offset, data in waiting[file]:
                if kind == b"t":
                    del kept[file][offset:]
                    kept[file].extend(bytes(offset - len(kept[file])))
                else:
                    kept[file].extend(bytes(max(0, offset - len(kept[file]))))
                    kept[file][offset:offset + len(data)] = data
            waiting[file] = []
    lost = sum(len(data) for ops in waiting.values() for _, _, data in ops)
    for file, name in ((b"d", "predictions.db"), (b"w", "predictions.db-wal")):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(kept[file])
    print(lost)


if __name__ == "__main__":
    main()
