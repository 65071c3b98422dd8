class IP:
    src: bytes
    dst: bytes
    data: object
