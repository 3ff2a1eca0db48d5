"""All the products of a synthetic planet, and the recipe of a cube of them."""

from all_products.full_recipe import full_recipe
from all_products.write import write_all_products

__all__ = ["full_recipe", "write_all_products"]
