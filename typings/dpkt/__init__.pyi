"""What chaos uses of dpkt, which comes without types."""

from dpkt import ethernet as ethernet
from dpkt import ip as ip
from dpkt import tcp as tcp
from dpkt.dpkt import UnpackError as UnpackError
