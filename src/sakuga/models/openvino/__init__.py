"""OpenVINO as the engine of a checkpoint's networks on a CPU.

`conversion` makes a graph of a torch network, `graphs` keeps it on the disk without weights, `programs` compiles it for the processor, and
`networks` calls it in place of the network.
"""
