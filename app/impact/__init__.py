"""Aid projects with their results and evidence; where a box comes from: as stated, and nothing added twice.

Invariants: a figure keeps the words, the unit and the form in which it was stated; without evidence it is an
estimate; a project is public only when a second person has published it. Origin cards name no person.
"""
