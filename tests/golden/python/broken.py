def whole(x):
    return x

class Broken(:
    def inside(self)
        pass

def after(): pass
