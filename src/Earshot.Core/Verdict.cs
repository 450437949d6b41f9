namespace Earshot.Core;

/// <summary>A judgement on a segment or a call: which rule spoke, and the numbers it saw.</summary>
public readonly record struct Verdict
{
    // A whole word: who reads one where half a word was written waits for it.
    private readonly uint _rule;

    /// <summary>Makes a verdict.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="a">The rule's first number; what it is stands in the rule's sentence.</param>
    /// <param name="b">The rule's second number.</param>
    /// <param name="c">The rule's third number.</param>
    public Verdict(RuleId rule, uint a = 0, uint b = 0, uint c = 0)
    {
        _rule = (uint)rule;
        A = a;
        B = b;
        C = c;
    }

    /// <summary>The rule.</summary>
    public RuleId Rule => (RuleId)_rule;

    /// <summary>The rule's first number.</summary>
    public uint A { get; }

    /// <summary>The rule's second number.</summary>
    public uint B { get; }

    /// <summary>The rule's third number.</summary>
    public uint C { get; }
}
