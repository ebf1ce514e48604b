"""The laws: what the kernel promises, as functions that CrossHair proves for all inputs.

Run: `python -m specs.prove`. How a law is written (one file for each room, `law_ROOM.py`):
1. A public function with scalar arguments; it builds the kernel's records itself. Ids are concrete, figures
   symbolic. Helpers begin with an underscore.
2. Its docstring says in a sentence what holds, names the promise (`Promise: I9`), and states `pre:`, `post:`.
3. `post:` compares with something independent of the code: a definition, a bound, a slow twin.
4. Divisors are concrete (ticks, lots), windows small, instants and quantities of any size.
5. Where the domain must be cut for the search to end, the law stands in bounded.toml with the bound and why.
"""
