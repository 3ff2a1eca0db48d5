"""Recipes: which products make a cube, where and when, and the build of it."""

from ai4land.recipes.build import Step, build_cube
from ai4land.recipes.checking import BYTES_PER_SECOND, Report, VariableReport, check_recipe
from ai4land.recipes.recipe import Recipe, Region, VariableRecipe, Years, load_recipe, narrowed

__all__ = [
    "BYTES_PER_SECOND",
    "Recipe",
    "Region",
    "Report",
    "Step",
    "VariableRecipe",
    "VariableReport",
    "Years",
    "build_cube",
    "check_recipe",
    "load_recipe",
    "narrowed",
]
