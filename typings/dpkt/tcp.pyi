TH_FIN: int
TH_SYN: int
TH_RST: int
TH_ACK: int
TCP_OPT_SACK: int

class TCP:
    sport: int
    dport: int
    seq: int
    ack: int
    flags: int
    opts: bytes
    data: bytes

def parse_opts(buf: bytes) -> list[tuple[int, bytes] | None]: ...
