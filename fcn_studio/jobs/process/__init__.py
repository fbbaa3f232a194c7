"""The process of the network: its scheduler, the pipe to it, and its supervisor in the program that started it."""
