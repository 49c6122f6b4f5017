"""Ways to run llama.cpp's server, one per file, and the chain that tries them."""
