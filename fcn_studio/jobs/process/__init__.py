"""The process of the network.

Its scheduler, the pipe to it, and its supervisor in the program that started it are here.
"""
