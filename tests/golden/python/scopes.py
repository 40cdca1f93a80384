import other


class Base:
    limit = 3

    def run(self):
        def inner():
            return helper(self.limit)

        self.run()
        run()
        return inner() + other.helper() + Base.limit

    size = limit


def helper(n):
    Base().run()
    return Base.run(n)
