using System;
using System.Buffers.Binary;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Packetdrill;

/// <summary>Turns the values of a script into numbers and bytes.</summary>
/// <param name="file">The script's file, for messages.</param>
/// <param name="version">The IP version of the run.</param>
internal sealed class ValueReader(string file, IpVersion version)
{
    /// <summary>The family of the run's sockets.</summary>
    public int Family => version == IpVersion.IPv4 ? SocketAddressBytes.Inet : SocketAddressBytes.Inet6;

    /// <summary>An error of a value's line.</summary>
    public ScriptException Error(Value value, string problem) => new(file, value.Line, problem);

    /// <summary>A value's number.</summary>
    public long Number(Value value)
    {
        switch (value)
        {
            case NumberValue number:
                return number.Number;
            case NameValue name:
                return Symbols.TryGet(name.Name, out long known)
                    ? known
                    : throw Error(value, $"the symbol '{name.Name}' is not known");
            case CombinedValue { Operator: '|' } both:
                return Number(both.Left) | Number(both.Right);
            case CombinedValue { Operator: '+' } both:
                return Number(both.Left) + Number(both.Right);
            case CombinedValue both:
                return Number(both.Left) - Number(both.Right);
            case SignedValue signed:
                return signed.Operator == '-' ? -Number(signed.Operand) : ~Number(signed.Operand);
            case FunctionValue { Name: "htons" or "ntohs", Arguments.Count: 1 } swap:
                return BinaryPrimitives.ReverseEndianness((ushort)Number(swap.Arguments[0]));
            case FunctionValue { Name: "htonl" or "ntohl", Arguments.Count: 1 } swap:
                return BinaryPrimitives.ReverseEndianness((uint)Number(swap.Arguments[0]));
            case ListValue { Items.Count: 1 } list:
                return Number(list.Items[0]);
            default:
                throw Error(value, "expected a number");
        }
    }

    /// <summary>A value's number as an int.</summary>
    public int Integer(Value value) => unchecked((int)Number(value));

    /// <summary>The bytes of an option's value.</summary>
    /// <param name="value">A number, string, list or struct.</param>
    /// <param name="length">The length that the call is given.</param>
    public byte[] Bytes(Value value, int length)
    {
        if (value is ListValue { Items: [{ } single] } && single is not (TextValue or StructValue or ListValue))
        {
            value = single;
        }

        byte[] bytes = value switch
        {
            TextValue text => text.Bytes,
            ListValue list => [.. list.Items.SelectMany(i => Bytes(i, sizeof(int)))],
            StructValue fields => [.. fields.Fields.SelectMany(f => Bytes(f.Value, FieldLength(f.Name)))],
            EllipsisValue => [],
            _ => BitConverter.GetBytes(Number(value))[..Math.Clamp(length, 0, 8)],
        };
        if (bytes.Length != length && value is not StructValue && length is >= 0 and < 65536)
        {
            Array.Resize(ref bytes, length);
        }

        return bytes;
    }

    /// <summary>The sockaddr of an argument.</summary>
    /// <param name="value">Three dots, or a struct whose fields may be three dots.</param>
    /// <param name="address">What three dots stand for.</param>
    /// <param name="port">The port when none is given.</param>
    public byte[] Address(Value value, IPAddress address, int port)
    {
        if (value is EllipsisValue)
        {
            return SocketAddressBytes.Make(InFamily(address), port);
        }

        if (value is TextValue text)
        {
            return text.Bytes;
        }

        if (value is not StructValue fields)
        {
            throw Error(value, "expected '...' or {sa_family = …, sin_port = …, sin_addr = …}");
        }

        Value? family = fields.Find("sa_family", "sin_family", "sin6_family");
        Value? portValue = fields.Find("sin_port", "sin6_port");
        Value? addressValue = fields.Find("sin_addr", "sin6_addr");
        if (family is null)
        {
            throw Error(value, "an address begins with sa_family");
        }

        bool ofRun = family is EllipsisValue;
        int number = ofRun ? Family : Integer(family);
        IPAddress host = addressValue is null or EllipsisValue ? InFamily(address) : Host(addressValue, ofRun);
        ushort swapped = portValue is null or EllipsisValue
            ? BinaryPrimitives.ReverseEndianness((ushort)port)
            : unchecked((ushort)Number(portValue));
        byte[] bytes = SocketAddressBytes.Make(host, BinaryPrimitives.ReverseEndianness(swapped));
        BitConverter.TryWriteBytes(bytes, (ushort)number);
        return bytes;
    }

    private static int FieldLength(string? name) => name is not null
        && (name.StartsWith("tv_", StringComparison.Ordinal) || name is "u64") ? sizeof(long) : sizeof(int);

    private IPAddress Host(Value value, bool ofRun)
    {
        IPAddress? address = value switch
        {
            FunctionValue { Name: "inet_addr", Arguments: [TextValue text] } => Parse(text),
            FunctionValue { Name: "inet_pton", Arguments: [_, TextValue text] } => Parse(text),
            NameValue { Name: "INADDR_ANY" } => IPAddress.Any,
            NameValue { Name: "INADDR_LOOPBACK" } => IPAddress.Loopback,
            NumberValue { Number: 0 } => IPAddress.Any,
            _ => null,
        };
        address = address ?? throw Error(value, "expected inet_addr(\"…\"), INADDR_ANY or '...'");
        return ofRun ? InFamily(address) : address;
    }

    private static IPAddress? Parse(TextValue text) =>
        IPAddress.TryParse(System.Text.Encoding.ASCII.GetString(text.Bytes), out IPAddress? address) ? address : null;

    // The wildcard and loopback are the family's own; another IPv4 address is mapped.
    private IPAddress InFamily(IPAddress address)
    {
        if (Family == SocketAddressBytes.Inet || address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            return address;
        }

        return address.Equals(IPAddress.Any) ? IPAddress.IPv6Any
            : address.Equals(IPAddress.Loopback) && version == IpVersion.IPv6 ? IPAddress.IPv6Loopback
            : address.MapToIPv6();
    }
}
