"""``python -m serving`` is the console command ``fenzhuan``."""

from serving.cli import main

main()
