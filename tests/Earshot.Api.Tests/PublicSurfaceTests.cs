using System;
using System.Linq;
using Xunit;

namespace Earshot.Api.Tests;

/// <summary>The printer of surfaces, on types made for it.</summary>
public sealed class PublicSurfaceTests
{
    private const string Me = "Earshot.Api.Tests.PublicSurfaceTests";

    [Fact]
    public void A_class_is_printed_with_its_members_in_ordinal_order() => Assert.Equal(
        [
            $"class {Me}.Sample : System.IDisposable",
            "    Sample(string? name, int count = 3)",
            "    const int Limit = 7",
            "    event System.EventHandler Changed",
            "    protected virtual void OnChanged()",
            "    required string Name { get; init; }",
            "    static bool TryTake(in long key, out string? value, ref int tries)",
            "    string?[] Names { get; }",
            "    virtual void Dispose()",
            "    void Write<T>(System.ReadOnlySpan<byte> bytes, params T[] more)",
        ],
        PublicSurface.OfType(typeof(Sample)));

    [Fact]
    public void What_the_compiler_adds_to_a_record_is_left_out() => Assert.Equal(
        [
            $"readonly struct {Me}.Pair : System.IEquatable<{Me}.Pair>",
            "    Pair(int Left, System.Collections.Generic.List<string?> Right)",
            "    System.Collections.Generic.List<string?> Right { get; init; }",
            "    int Left { get; init; }",
        ],
        PublicSurface.OfType(typeof(Pair)).Select(line => line.Replace("readonly int", "int")));

    [Fact]
    public void An_enumeration_is_printed_with_its_values() => Assert.Equal(
        [$"enum {Me}.Colour : byte", "    Blue = 4", "    Red = 1"], PublicSurface.OfType(typeof(Colour)));

    [Fact]
    public void A_delegate_is_one_line() => Assert.Equal(
        [$"delegate ref readonly int {Me}.Pick(System.Span<int> from, bool last = false)"],
        PublicSurface.OfType(typeof(Pick)));

    // What follows is odd on purpose.
#pragma warning disable CA1002, CA1003, CA1008, CA1021, CA1028, CA1034, CA1045, CA1063, CA1816, CA1822, CS8618, IDE0060
    public delegate ref readonly int Pick(Span<int> from, bool last = false);

    public enum Colour : byte
    {
        Red = 1,
        Blue = 4,
    }

    public readonly record struct Pair(int Left, System.Collections.Generic.List<string?> Right);

    public class Sample : IDisposable
    {
        public const int Limit = 7;

        [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
        public Sample(string? name, int count = 3)
        {
            Name = name ?? "";
            Names = new string?[count];
        }

        public event EventHandler Changed;

        public required string Name { get; init; }

        public string?[] Names { get; }

        internal int Hidden { get; set; }

        public static bool TryTake(in long key, out string? value, ref int tries)
        {
            value = null;
            return key > tries;
        }

        public void Write<T>(ReadOnlySpan<byte> bytes, params T[] more)
        {
        }

        public virtual void Dispose()
        {
        }

        protected virtual void OnChanged() => Changed?.Invoke(this, EventArgs.Empty);
    }
}
