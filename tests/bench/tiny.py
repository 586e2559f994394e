"""Guests of one static program of the bench: the image's boot modules and the program as the initramfs."""

import os
import subprocess


def compile_static(ctx, source):
    out = os.path.join(ctx.private, os.path.basename(source).removesuffix(".c"))
    subprocess.run([os.environ.get("CC") or "cc", "-O2", "-static", "-o", out, source], check=True)
    return out


def initrd(ctx, image, program):
    """The archive's path; the program is /init in it."""
    root = program + ".root"
    os.mkdir(root)
    os.rename(program, os.path.join(root, "init"))
    packed = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], input=b"init\n", cwd=root, check=True, capture_output=True).stdout
    path = program + ".cpio"
    with open(path, "wb") as out, open(os.path.join(image, "modules.cpio"), "rb") as modules:
        out.write(modules.read() + packed)
    return path
