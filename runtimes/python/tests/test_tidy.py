"""The house rules that a machine can check, for Python."""

import ast
import os
import sys
import unittest

from .core import PACKAGE

FOLDER = os.path.dirname(PACKAGE)


def sources():
    for place in ("weir_runtime", "tests"):
        for name in sorted(os.listdir(os.path.join(FOLDER, place))):
            if name.endswith(".py"):
                with open(os.path.join(FOLDER, place, name)) as file:
                    yield f"{place}/{name}", file.read()


class Tidy(unittest.TestCase):
    def test_files_functions_and_lines_are_short(self):
        for path, text in sources():
            lines = text.splitlines()
            self.assertLessEqual(len(lines), 400, path)
            for number, line in enumerate(lines, 1):
                self.assertLessEqual(len(line), 120, f"{path}:{number}")
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    self.assertLessEqual(node.end_lineno - node.lineno, 60, f"{path}: {node.name}")

    def test_nothing_but_the_standard_library(self):
        for path, text in sources():
            for node in ast.walk(ast.parse(text)):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    names = [node.module]
                for name in names:
                    top = name.partition(".")[0]
                    self.assertTrue(top == "weir_runtime" or top in sys.stdlib_module_names, f"{path}: {name}")

    def test_every_module_says_what_it_is(self):
        for path, text in sources():
            if text:
                self.assertIsNotNone(ast.get_docstring(ast.parse(text)), path)


if __name__ == "__main__":
    unittest.main()
