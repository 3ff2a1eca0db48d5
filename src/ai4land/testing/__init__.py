"""A synthetic planet in the providers' own file formats, for tests and the demonstration.

Nothing else imports this room. The planet's rules are frozen (``docs/planet.md``): no model may be
tuned into them.

1. Fractal ground: three tenths sea, valleys, lakes, ice on what is cold enough. These never change.
2. Climate by latitude, height and distance to the sea; its Köppen-Geiger zones follow from it.
3. Cities lie where land is low, flat, mild and near the sea, and grow with the population.
4. Each coarse cell wants so many pixels of each class each year: smooth regional histories of
   clearing, booms, busts and abandonment from the first year on, and a fork in 2015.
5. A cell acts in campaigns. Inside it the pixels that gain most change: suitability (terrain,
   soil, climate, nearness of a city) and neighbours of the same class, against reluctance to
   change again, plus chance.
6. Nearly as many pixels again trade places without net change (gross beyond net).
7. The fine product mistakes 0.3 % of the land each year at boundaries of open land (flicker).
8. The coarse product sees the land itself, with a smooth regional bias of definitions.
9. The placebo repeats every transition of every cell and year of the ordinary planet, flicker
   included, on pixels drawn at random; its coarse files, climate and terrain are the same.
"""

from ai4land.testing.formats.hilda import HILDA_FOLDER, hilda_name
from ai4land.testing.planet.planet import Planet, PlanetYear, make_planet
from ai4land.testing.planet.spec import PlanetSpec
from ai4land.testing.write import write_planet

__all__ = [
    "HILDA_FOLDER",
    "Planet",
    "PlanetSpec",
    "PlanetYear",
    "hilda_name",
    "make_planet",
    "write_planet",
]
