"""What a page needs, whoever writes it: colors, figures as SVG, words, templates. Light.

jinja2 and matplotlib are imported when a page is written or a figure is drawn.
"""
