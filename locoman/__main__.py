"""`python -m locoman` is the `locoman` command."""

from locoman.cli.main import main

if __name__ == "__main__":
    main()
