"""The demo: real organisations and two campaigns of a newspaper article, with invented people around them.

`demo.yaml` says of each record where it comes from (article, public, sample); whatever is invented carries
`is_sample` and, where it has a name of its own, the word 示例. People and their orders are made by seeded
dice, so every demo has the same ones. No full identity number exists anywhere, and every mobile is of the
form 1380000xxxx.
"""
