#pragma once
// Physical quantities as types: a double in SI base units with the dimension in the type.
// Dimensions: time [s], data [byte], arithmetic [FLOP], money [USD], energy [J].
// `*` and `/` add and subtract exponents, a ratio of equals collapses to double, `+ - <` stay within one type,
// and nothing converts by itself. Reading and printing units is text.hpp's and scenario/unit_text.hpp's business.

#include <compare>

namespace gpuhours {

/// A number of s^T byte^B FLOP^F USD^D J^E.
template <int T, int B, int F, int D, int E>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double value) : value_(value) {}

  /// The number in SI base units (s, byte, FLOP, USD, J and their quotients).
  [[nodiscard]] constexpr double value() const { return value_; }

  constexpr Quantity& operator+=(Quantity other) {
    value_ += other.value_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    value_ -= other.value_;
    return *this;
  }
  constexpr Quantity& operator*=(double factor) {
    value_ *= factor;
    return *this;
  }
  constexpr Quantity& operator/=(double divisor) {
    value_ /= divisor;
    return *this;
  }

  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.value_ + b.value_); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.value_ - b.value_); }
  friend constexpr Quantity operator-(Quantity a) { return Quantity(-a.value_); }
  friend constexpr Quantity operator*(Quantity a, double factor) { return Quantity(a.value_ * factor); }
  friend constexpr Quantity operator*(double factor, Quantity a) { return Quantity(factor * a.value_); }
  friend constexpr Quantity operator/(Quantity a, double divisor) { return Quantity(a.value_ / divisor); }
  friend constexpr auto operator<=>(Quantity a, Quantity b) = default;

 private:
  double value_ = 0;
};

template <int T, int B, int F, int D, int E, int T2, int B2, int F2, int D2, int E2>
constexpr auto operator*(Quantity<T, B, F, D, E> a, Quantity<T2, B2, F2, D2, E2> b) {
  using Product = Quantity<T + T2, B + B2, F + F2, D + D2, E + E2>;
  if constexpr (T + T2 == 0 && B + B2 == 0 && F + F2 == 0 && D + D2 == 0 && E + E2 == 0) {
    return a.value() * b.value();
  } else {
    return Product(a.value() * b.value());
  }
}

template <int T, int B, int F, int D, int E, int T2, int B2, int F2, int D2, int E2>
constexpr auto operator/(Quantity<T, B, F, D, E> a, Quantity<T2, B2, F2, D2, E2> b) {
  using Ratio = Quantity<T - T2, B - B2, F - F2, D - D2, E - E2>;
  if constexpr (T == T2 && B == B2 && F == F2 && D == D2 && E == E2) {
    return a.value() / b.value();
  } else {
    return Ratio(a.value() / b.value());
  }
}

template <int T, int B, int F, int D, int E>
constexpr auto operator/(double a, Quantity<T, B, F, D, E> b) {
  return Quantity<-T, -B, -F, -D, -E>(a / b.value());
}

using Seconds = Quantity<1, 0, 0, 0, 0>;
using Hertz = Quantity<-1, 0, 0, 0, 0>;
using Bytes = Quantity<0, 1, 0, 0, 0>;
using Flops = Quantity<0, 0, 1, 0, 0>;
using Dollars = Quantity<0, 0, 0, 1, 0>;
using Joules = Quantity<0, 0, 0, 0, 1>;
using BytesPerSecond = Quantity<-1, 1, 0, 0, 0>;
using FlopsPerSecond = Quantity<-1, 0, 1, 0, 0>;
using Watts = Quantity<-1, 0, 0, 0, 1>;
using DollarsPerSecond = Quantity<-1, 0, 0, 1, 0>;
using DollarsPerJoule = Quantity<0, 0, 0, 1, -1>;

namespace literals {
constexpr Seconds operator""_s(long double v) { return Seconds(static_cast<double>(v)); }
constexpr Seconds operator""_us(long double v) { return Seconds(static_cast<double>(v) * 1e-6); }
constexpr Seconds operator""_ms(long double v) { return Seconds(static_cast<double>(v) * 1e-3); }
constexpr Bytes operator""_GB(long double v) { return Bytes(static_cast<double>(v) * 1e9); }
constexpr Bytes operator""_GiB(long double v) { return Bytes(static_cast<double>(v) * 1073741824.0); }
constexpr BytesPerSecond operator""_GBps(long double v) { return BytesPerSecond(static_cast<double>(v) * 1e9); }
constexpr FlopsPerSecond operator""_TFLOPs(long double v) { return FlopsPerSecond(static_cast<double>(v) * 1e12); }
}  // namespace literals

inline constexpr Seconds kHour{3600.0};
inline constexpr Seconds kDay{86400.0};
inline constexpr Joules kKilowattHour{3.6e6};

}  // namespace gpuhours
