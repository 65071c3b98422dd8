"""The election protocol as pure rules: no clock, socket, thread, file or dice."""
