namespace Shapes {
  export function area(): number {
    return sum();
  }
  function sum(): number {
    return new Circle().radius;
  }
}

class Circle {
  radius = 1;
  grow(by: Circle): void {
    this.radius += by.radius;
    this.grow(by);
    Circle.make();
  }
  static make(): Circle {
    return new Circle();
  }
}
