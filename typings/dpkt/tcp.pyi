TH_FIN: int
TH_SYN: int
TH_RST: int
TH_ACK: int

class TCP:
    sport: int
    dport: int
    seq: int
    ack: int
    flags: int
    data: bytes
